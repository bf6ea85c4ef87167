/** The staff's page: what goes on, and what can be done about it. */
import "./staff-page.js";
