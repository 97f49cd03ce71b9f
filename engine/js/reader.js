// A reader in memory: what it says of a picture that a network has drawn.
import {EngineError} from "./pack.js";
import {fours, Program, SPARE} from "./program.js";

export class Reader extends Program {
  laidOut() {
    const {resolution, ops} = this.head, row = fours(resolution), size = resolution * row;
    this.picture = {shape: [3, resolution, resolution], size, fixed: this.room(4 * size + SPARE)};
    const names = {picture: this.picture};
    this.steps = this.compiled(ops, names, new Set());
    this.readings = this.named(names, "readings");
  }

  // One number for each of head.names, of an image [3][R][R] whose values are cut to [-1, 1].
  read(image) {
    const {resolution, names} = this.head, {fixed, size} = this.picture, row = fours(resolution);
    if (image.length !== 3 * resolution ** 2)
      throw new EngineError(`This reader reads pictures of ${resolution} x ${resolution} pixels, no others.`);
    const to = new Float32Array(this.memory.buffer, fixed, 3 * size);
    for (let line = 0, at = 0; line < 3 * resolution; line++)
      for (let j = line * row, end = j + resolution; j < end; j++, at++) {
        const x = image[at];
        to[j] = x > -1 ? (x < 1 ? x : 1) : -1;
      }
    for (const step of this.steps) step(0);
    return new Float32Array(this.memory.buffer, this.at(this.readings, 0), names.length).slice();
  }
}
