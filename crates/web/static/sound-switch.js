import { h, setText } from "./dom.js";
import * as sound from "./sound.js";
import { t } from "./texts.js";

/** Switches the sound on, with a test tone, and shows whether it is on. */
class SoundSwitch extends HTMLElement {
  isOn = false;

  connectedCallback() {
    this.label = h("span", {}, t("sound.off"));
    this.button = h("button", { type: "button", class: "button", "aria-pressed": "false", onclick: () => this.toggle() },
      h("span", { class: "sound-mark", "aria-hidden": "true" }), this.label);
    this.append(this.button);
  }

  async toggle() {
    this.isOn = !this.isOn && await sound.unlock();
    this.button.setAttribute("aria-pressed", String(this.isOn));
    setText(this.label, t(this.isOn ? "sound.on" : "sound.off"));
  }

  /** Plays the sound, and shakes a phone, if it is on. */
  play(times) {
    if (!this.isOn) return;
    sound.play(times);
    navigator.vibrate?.([200, 100, 200]);
  }
}

customElements.define("sound-switch", SoundSwitch);
