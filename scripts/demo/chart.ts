/** A bar chart as a PNG: small, and without a drawing library. */
import { PNG } from "pngjs";

export type Bar = { label: string; value: number };

type Colour = readonly [red: number, green: number, blue: number];

const WIDTH = 480;
const HEIGHT = 270;
const MARGIN = 24;
const BACKGROUND: Colour = [250, 250, 252];
const GRID: Colour = [222, 226, 232];
const BAR: Colour = [46, 110, 190];
const INK: Colour = [70, 76, 86];

/** The letters that begin months, five by seven. */
const LETTERS: Record<string, readonly string[]> = {
  A: ["01110", "10001", "10001", "11111", "10001", "10001", "10001"],
  D: ["11110", "10001", "10001", "10001", "10001", "10001", "11110"],
  F: ["11111", "10000", "10000", "11110", "10000", "10000", "10000"],
  J: ["00111", "00010", "00010", "00010", "00010", "10010", "01100"],
  M: ["10001", "11011", "10101", "10101", "10001", "10001", "10001"],
  N: ["10001", "11001", "10101", "10011", "10001", "10001", "10001"],
  O: ["01110", "10001", "10001", "10001", "10001", "10001", "01110"],
  S: ["01111", "10000", "10000", "01110", "00001", "00001", "11110"],
};

/** Draws the bars from left to right; each label's first letter stands below its bar. A grid line is a quarter of the largest value. */
export function drawBars(bars: readonly Bar[]): Uint8Array {
  const png = new PNG({ width: WIDTH, height: HEIGHT, colorType: 2 });
  fill(png, { x: 0, y: 0, width: WIDTH, height: HEIGHT }, BACKGROUND);
  const floor = HEIGHT - MARGIN;
  const room = floor - MARGIN;
  for (let line = 0; line <= 4; line++) {
    const y = Math.round(floor - (room * line) / 4);
    fill(png, { x: MARGIN, y, width: WIDTH - 2 * MARGIN, height: 1 }, GRID);
  }
  const largest = Math.max(...bars.map(({ value }) => value));
  const step = (WIDTH - 2 * MARGIN) / bars.length;
  bars.forEach(({ label, value }, i) => {
    const x = Math.round(MARGIN + step * (i + 0.15));
    const width = Math.round(step * 0.7);
    const height = Math.round((room * value) / largest);
    fill(png, { x, y: floor - height, width, height }, BAR);
    write(png, { letter: label.charAt(0), x: x + Math.round(width / 2) - 2, y: floor + 8 });
  });
  return PNG.sync.write(png, { colorType: 2 });
}

function fill(png: PNG, area: { x: number; y: number; width: number; height: number }, colour: Colour): void {
  for (let y = area.y; y < area.y + area.height; y++) {
    for (let x = area.x; x < area.x + area.width; x++)
      png.data.set([...colour, 255], (y * png.width + x) * 4);
  }
}

function write(png: PNG, { letter, x, y }: { letter: string; x: number; y: number }): void {
  LETTERS[letter]?.forEach((line, row) => {
    [...line].forEach((dot, column) => {
      if (dot === "1") fill(png, { x: x + column, y: y + row, width: 1, height: 1 }, INK);
    });
  });
}
