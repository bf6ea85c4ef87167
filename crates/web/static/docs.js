/** The description of the service's interface, for people. */
import "./api-docs.js";
