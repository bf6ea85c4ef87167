/** The kitchen display: to look at, or to cook with. */
import "./kitchen-display.js";
