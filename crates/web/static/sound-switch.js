import { h, setText } from "./dom.js";
import * as sound from "./sound.js";
import { t } from "./texts.js";

/**
 * Switches the sound on, with a test tone, and shows whether it is on. The attribute "off" may say
 * what it sounds for.
 */
class SoundSwitch extends HTMLElement {
  isOn = false;

  connectedCallback() {
    this.label = h("span", {}, this.offText);
    this.button = h("button", { type: "button", class: "button", "aria-pressed": "false", onclick: () => this.toggle() },
      h("span", { class: "sound-mark", "aria-hidden": "true" }), this.label);
    this.append(this.button);
  }

  async toggle() {
    this.isOn = !this.isOn && await sound.unlock();
    this.button.setAttribute("aria-pressed", String(this.isOn));
    setText(this.label, this.isOn ? t("sound.on") : this.offText);
  }

  get offText() {
    return this.getAttribute("off") ?? t("sound.off");
  }

  /** Plays the sound, and shakes a phone, if it is on. */
  play(times) {
    if (!this.isOn) return;
    sound.play(times);
    navigator.vibrate?.([200, 100, 200]);
  }
}

customElements.define("sound-switch", SoundSwitch);
