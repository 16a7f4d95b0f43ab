// Digits of our own drawing: ten plain ones, and such as LeCun et al. show in figure 13 of their
// paper: unusual, distorted, noisy.

import { EMPTY } from "./strokes.js";

// Points "across,down" in hundredths of the board; * marks a corner, | begins a stroke.
const PLAIN = [
  "52,16 37,26 31,50 36,74 50,84 64,74 69,50 64,26 50,16",
  "42,29 53,16* 52,84",
  "32,31 38,19 50,16 63,21 66,33 58,48 44,65 31,82* 70,82",
  "33,22 48,16 63,21 65,34 56,45 45,48* 60,51 69,63 65,77 49,84 32,77",
  "37,17 32,53* 70,52 | 63,20 58,84",
  "67,17* 39,17* 35,47* 50,42 65,49 69,64 61,79 46,84 32,77",
  "61,16 45,28 35,47 32,67 40,81 54,84 66,74 64,60 51,53 38,60 33,68",
  "31,19* 69,18* 58,46 47,84",
  "64,26 50,16 37,25 41,40 58,52 67,68 57,82 42,82 33,69 42,53 59,40 64,26",
  "66,31 54,17 38,22 34,38 45,49 58,45 66,31* 64,56 57,84",
];

const UNUSUAL = [
  [7, "A 7 with a bar", "31,20* 68,18* 58,44 47,84 | 39,51 66,48"],
  [4, "A closed 4", "61,84 61,16* 31,60* 73,60"],
  [2, "A 2 with a loop", "32,29 44,16 60,20 64,34 54,54 38,75 31,80 31,71 41,69 54,80 70,80"],
  [1, "A 1 with a foot", "39,31 52,16* 52,84 | 35,84 69,84"],
  [5, "A 5 that lost its hat", "38,24 35,47* 50,42 64,49 68,64 60,79 46,84 32,77 | 46,17 69,14"],
  [8, "An 8 of two rings", "50,16 39,23 39,39 50,46 61,39 61,23 50,16 | 50,50 36,58 36,76 50,84 64,76 64,58 50,50"],
  [3, "A 3 in pieces", "34,22 46,16 57,18 | 64,26 65,36 58,44 | 50,48 61,52 | 68,61 67,72 | 59,81 47,84 | 39,81 33,77"],
  [6, "A 6 like a snail", "74,20 48,18 30,36 28,62 42,82 64,80 72,66 62,54 48,56 46,66 54,70"],
  [9, "A 9 that leans", "74,28 62,17 48,24 44,38 54,46 66,40 74,28* 62,58 40,84"],
  [0, "A wide 0", "50,30 26,36 16,50 26,64 50,70 74,64 84,50 74,36 50,30"],
  [2, "A 2 with a thick pen", "32,31 38,19 50,16 63,21 66,33 58,48 44,65 31,82* 70,82", { pen: 190 }],
  [4, "A 4 in noise", "37,17 32,53* 70,52 | 63,20 58,84", { noise: 3 }],
];

const point = (text) => text.replace("*", "").split(",").map((one) => 10 * Number(one));
const stroke = (text) => text.trim().split(" ").flatMap((one) => (one.endsWith("*") ? [point(one), point(one)] : [point(one)]));
const drawn = (text, changes) => ({ ...EMPTY, ...changes, strokes: text.split("|").map(stroke) });

// Each {digit, title, drawing}.
export const plain = PLAIN.map((text, digit) => ({ digit, title: `A plain ${digit}`, drawing: drawn(text) }));
export const unusual = UNUSUAL.map(([digit, title, text, changes]) => ({ digit, title, drawing: drawn(text, changes) }));
