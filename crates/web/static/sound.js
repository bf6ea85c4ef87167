/** A sound of two notes. Browsers let a page play one only after its user has touched it. */
const NOTES = [659.25, 987.77];
const NOTE_S = 0.28;

let context = null;

/** Asks for the right to play, and plays the sound once. Call it from a click. Returns whether it may. */
export async function unlock() {
  try {
    context ??= new AudioContext();
    await context.resume();
  } catch {
    return false;
  }
  if (context.state !== "running") return false;
  play();
  return true;
}

/** Plays the sound so many times, if that is allowed. */
export function play(times = 1) {
  if (context?.state !== "running") return;
  for (let round = 0; round < times; round++) {
    NOTES.forEach((frequency, index) => {
      const start = context.currentTime + round * 1.1 + index * NOTE_S;
      const tone = new OscillatorNode(context, { frequency, type: "triangle" });
      const volume = new GainNode(context, { gain: 0 });
      volume.gain.linearRampToValueAtTime(0.3, start + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.001, start + NOTE_S * 2);
      tone.connect(volume).connect(context.destination);
      tone.start(start);
      tone.stop(start + NOTE_S * 2);
    });
  }
}
