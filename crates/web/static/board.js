/** The board: numbers only, for everybody in the room. */
import "./ready-board.js";
