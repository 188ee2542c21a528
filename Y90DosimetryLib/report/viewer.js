// The interactive part of the report: three linked planes and a histogram, from numbers that stand in the page.
"use strict";
(async () => {
  const holder = document.getElementById("viewer");
  const source = document.getElementById("viewer-data");
  if (!holder || !source || typeof DecompressionStream === "undefined") return; // the pictures stay
  const data = JSON.parse(source.textContent);
  const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const inflate = async (text) => {
    const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  };
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  // Volumes
  const [nx, ny, nz] = data.size, step = data.spacing[0], origin = data.origin;
  let ct = null;
  if (data.ct) {
    ct = new Int16Array(await inflate(data.ct));
    for (let row = 0; row < ct.length; row += nx) for (let x = 1; x < nx; x++) ct[row + x] += ct[row + x - 1];
  }
  const field = async (packed) => packed && { ...packed, voxels: new Float32Array(await inflate(packed.voxels)) };
  const dose = await field(data.dose), counts = await field(data.counts);
  for (const structure of data.structures) structure.mask = new Uint8Array(await inflate(structure.mask));
  const colors = bytesOf(data.colors);
  const huOf = (value) => data.huLowest + value * data.huStep;
  const ctAt = (x, y, z) => {
    const i = Math.round(x), j = Math.round(y), k = Math.round(z);
    return i < 0 || j < 0 || k < 0 || i >= nx || j >= ny || k >= nz ? null : huOf(ct[(k * ny + j) * nx + i]);
  };
  const indexIn = (volume, p) => {
    const d = [p[0] - volume.origin[0], p[1] - volume.origin[1], p[2] - volume.origin[2]], m = volume.toIndex;
    return [0, 3, 6].map((r) => m[r] * d[0] + m[r + 1] * d[1] + m[r + 2] * d[2]);
  };
  const voxelAt = (volume, p) => { // the value of the voxel that holds a point; null outside
    const [i, j, k] = indexIn(volume, p).map(Math.round), [a, b, c] = volume.size;
    return i < 0 || j < 0 || k < 0 || i >= a || j >= b || k >= c ? null : volume.voxels[(k * b + j) * a + i];
  };
  const smoothAt = (volume, p) => { // between voxel centers, for drawing
    const [a, b, c] = volume.size, at = indexIn(volume, p), low = at.map(Math.floor);
    let sum = 0;
    for (let corner = 0; corner < 8; corner++) {
      let weight = 1, index = 0;
      const lengths = [a, b, c], strides = [1, a, a * b];
      for (let axis = 0; axis < 3; axis++) {
        const up = (corner >> axis) & 1, place = low[axis] + up;
        weight *= up ? at[axis] - low[axis] : 1 - at[axis] + low[axis];
        if (place < 0 || place >= lengths[axis]) weight = 0;
        else index += place * strides[axis];
      }
      if (weight > 0) sum += weight * volume.voxels[index];
    }
    return sum;
  };

  // What is shown
  const windows = { "Liver": [60, 200], "Soft tissue": [40, 400], "Lung": [-500, 1500], "Bone": [400, 1800] };
  const start = data.structures.filter((s) => s.lesion)[0] || data.structures[0];
  const state = {
    point: start.at.slice(), window: "Soft tissue", over: dose ? "dose" : counts ? "counts" : "none",
    opacity: 0.5, threshold: 10, isodoses: new Set(data.isodoses), hidden: new Set(data.structures.filter((s) => s.aside).map((s) => s.label)), hiddenCurves: new Set(),
  };
  let largestCount = 1;
  if (counts) for (const value of counts.voxels) if (value > largestCount) largestCount = value;
  const toLattice = (p) => p.map((v, axis) => (v - origin[axis]) / step);

  // Lines around what is at least `level` on a raster: pairs of points, in its pixels (marching squares)
  const linesOf = (values, width, height, level) => {
    const lines = [];
    const cross = (x0, y0, v0, x1, y1, v1) => {
      const t = (level - v0) / (v1 - v0);
      return [x0 + t * (x1 - x0), y0 + t * (y1 - y0)];
    };
    for (let y = 0; y + 1 < height; y++) {
      for (let x = 0; x + 1 < width; x++) {
        const i = y * width + x, a = values[i], b = values[i + 1], c = values[i + width + 1], d = values[i + width];
        const points = [];
        if (a >= level !== b >= level) points.push(cross(x, y, a, x + 1, y, b));
        if (b >= level !== c >= level) points.push(cross(x + 1, y, b, x + 1, y + 1, c));
        if (c >= level !== d >= level) points.push(cross(x + 1, y + 1, c, x, y + 1, d));
        if (d >= level !== a >= level) points.push(cross(x, y + 1, d, x, y, a));
        for (let n = 0; n + 1 < points.length; n += 2) lines.push(points[n], points[n + 1]);
      }
    }
    return lines;
  };

  // Planes: axes of the picture in the patient (LPS), and the letters at its sides
  const planes = [
    { name: "Axial", u: 0, v: 1, w: 2, up: false, letters: ["R", "L", "A", "P"] },
    { name: "Coronal", u: 0, v: 2, w: 1, up: true, letters: ["R", "L", "S", "I"] },
    { name: "Sagittal", u: 1, v: 2, w: 0, up: true, letters: ["A", "P", "S", "I"] },
  ];
  for (const plane of planes) {
    plane.canvas = element("canvas", { tabIndex: 0 });
    plane.canvas.setAttribute("role", "img");
    plane.canvas.setAttribute("aria-label", plane.name + " slice; arrow keys scroll");
    plane.label = element("figcaption", {});
    plane.figure = element("figure", {}, plane.canvas, plane.label);
    plane.size = [data.size[plane.u], data.size[plane.v]];
    plane.figure.style.flex = `${plane.size[0]} 1 0`; // the same millimeters in every plane
    plane.figure.style.minWidth = `${Math.min(plane.size[0] * 1.5, 260)}px`;
    plane.scale = Math.max(1, Math.min(4, Math.round(420 / Math.max(...plane.size))));
    holder.querySelector(".viewer-planes").append(plane.figure);
  }

  const draw = (plane) => {
    const { u, v, w, up, canvas, scale } = plane, [width, height] = plane.size;
    canvas.width = width * scale; canvas.height = height * scale;
    const context = canvas.getContext("2d"), at = toLattice(state.point), slice = Math.round(at[w]);
    const [center, range] = windows[state.window], W = canvas.width, H = canvas.height;
    const picture = context.createImageData(W, H), over = state.over === "dose" ? dose : state.over === "counts" ? counts : null;
    const full = state.over === "dose" ? data.fullScale : largestCount;
    const least = state.over === "dose" ? state.threshold : largestCount * 0.02;
    const mm = state.point.slice(); mm[w] = origin[w] + slice * step;
    const rowOf = (y) => (up ? height - 1 - y : y), index = [0, 0, 0];
    const coarse = new Float32Array(width * height);
    if (over) for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      mm[u] = origin[u] + x * step; mm[v] = origin[v] + rowOf(y) * step;
      coarse[y * width + x] = smoothAt(over, mm);
    }
    index[w] = slice;
    for (let y = 0; y < H; y++) for (let x = 0; x < W; x++) {
      const px = Math.floor(x / scale), py = Math.floor(y / scale);
      index[u] = px; index[v] = rowOf(py);
      const hu = ct ? ctAt(index[0], index[1], index[2]) : null;
      let red = hu === null ? 0 : Math.max(0, Math.min(255, ((hu - center) / range + 0.5) * 255)), green = red, blue = red;
      if (over) {
        const fx = Math.min(width - 1.001, Math.max(0, (x + 0.5) / scale - 0.5)), fy = Math.min(height - 1.001, Math.max(0, (y + 0.5) / scale - 0.5));
        const i = Math.floor(fy) * width + Math.floor(fx), tx = fx - Math.floor(fx), ty = fy - Math.floor(fy);
        const value = (coarse[i] * (1 - tx) + coarse[i + 1] * tx) * (1 - ty) + (coarse[i + width] * (1 - tx) + coarse[i + width + 1] * tx) * ty;
        if (value >= least) {
          const c = 3 * Math.round(Math.min(1, value / full) * 255), share = ct ? state.opacity : 1;
          red += share * (colors[c] - red); green += share * (colors[c + 1] - green); blue += share * (colors[c + 2] - blue);
        }
      }
      const o = 4 * (y * W + x);
      picture.data[o] = red; picture.data[o + 1] = green; picture.data[o + 2] = blue; picture.data[o + 3] = 255;
    }
    context.putImageData(picture, 0, 0);
    const stroke = (lines, color, line) => {
      for (const [ink, thick] of [["#000000", line + 1.6], [color, line]]) { // a dark edge: reads on bone and air
        context.strokeStyle = ink; context.lineWidth = thick; context.beginPath();
        for (let n = 0; n < lines.length; n += 2) {
          context.moveTo((lines[n][0] + 0.5) * scale, (lines[n][1] + 0.5) * scale);
          context.lineTo((lines[n + 1][0] + 0.5) * scale, (lines[n + 1][1] + 0.5) * scale);
        }
        context.stroke();
      }
    };
    if (state.over === "dose") [...state.isodoses].sort((a, b) => a - b).forEach((level, n, all) => {
      const lines = linesOf(coarse, width, height, level);
      const c = 3 * Math.round(Math.min(1, level / full) * 255), light = (part) => Math.round(part + 0.55 * (255 - part));
      stroke(lines, `rgb(${light(colors[c])},${light(colors[c + 1])},${light(colors[c + 2])})`, 1.2);
      if (lines.length) { // numbers at different places around, so that they do not lie on each other
        const spot = lines[Math.floor((lines.length - 1) * (n + 0.5) / all.length)];
        context.font = "11px sans-serif"; context.lineWidth = 3; context.strokeStyle = "#000"; context.fillStyle = "#fff";
        const [x, y] = [(spot[0] + 0.5) * scale, (spot[1] + 0.5) * scale];
        context.strokeText(String(level), x, y); context.fillText(String(level), x, y);
      }
    });
    const raster = new Uint8Array(width * height);
    for (const structure of data.structures) {
      if (state.hidden.has(structure.label)) continue;
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
        index[u] = x; index[v] = rowOf(y);
        raster[y * width + x] = structure.mask[(index[2] * ny + index[1]) * nx + index[0]];
      }
      stroke(linesOf(raster, width, height, 127.5), structure.color, structure.lesion ? 2.4 : 1.6);
    }
    const cx = (at[u] + 0.5) * scale, cy = ((up ? height - 1 - at[v] : at[v]) + 0.5) * scale;
    context.strokeStyle = "rgba(255,255,255,0.75)"; context.lineWidth = 1; context.beginPath();
    context.moveTo(cx, 0); context.lineTo(cx, cy - 8); context.moveTo(cx, cy + 8); context.lineTo(cx, H);
    context.moveTo(0, cy); context.lineTo(cx - 8, cy); context.moveTo(cx + 8, cy); context.lineTo(W, cy); context.stroke();
    context.font = "bold 13px sans-serif"; context.fillStyle = "#fff"; context.strokeStyle = "#000"; context.lineWidth = 3;
    const spots = [[4, H / 2 - 6], [W - 14, H / 2 - 6], [W / 2 + 6, 14], [W / 2 + 6, H - 6]];
    plane.letters.forEach((letter, n) => { context.strokeText(letter, ...spots[n]); context.fillText(letter, ...spots[n]); });
    plane.label.textContent = `${plane.name}, ${mm[w].toFixed(1)} mm`;
  };
  const number = (value, digits) => (value === null ? "outside" : value.toFixed(digits));
  const reading = holder.querySelector(".viewer-reading");
  const show = () => {
    planes.forEach(draw);
    const [x, y, z] = toLattice(state.point), parts = [];
    if (ct) { const hu = ctAt(x, y, z); parts.push(`CT ${hu === null ? "outside" : hu.toFixed(0) + " HU"}`); }
    if (counts) parts.push(`counts ${number(voxelAt(counts, state.point), 1)}`);
    const inside = data.structures.filter((s) => {
      const i = Math.round(x), j = Math.round(y), k = Math.round(z);
      return i >= 0 && j >= 0 && k >= 0 && i < nx && j < ny && k < nz && s.mask[(k * ny + j) * nx + i] > 127;
    }).map((s) => s.label);
    if (dose) { // where no outline lies, a zero of the map is no dose: it was not computed there
      const gy = voxelAt(dose, state.point);
      parts.push(gy === null || (gy === 0 && !inside.length) ? "dose not computed here" : `dose ${gy.toFixed(1)} Gy`);
    }
    parts.push(inside.length ? "in " + inside.join(", ") : "outside all outlines");
    const side = (v, a, b) => (v >= 0 ? a : b) + " " + Math.abs(v).toFixed(1);
    reading.textContent = `${side(state.point[0], "L", "R")}, ${side(state.point[1], "P", "A")}, ${side(state.point[2], "S", "I")} mm: ${parts.join(" · ")}`;
  };
  let waiting = false;
  const later = () => { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; show(); }); } };
  const goTo = (p) => {
    state.point = p.map((v, a) => Math.max(origin[a], Math.min(origin[a] + (data.size[a] - 1) * step, v)));
    later();
  };
  const scroll = (plane, steps) => {
    const p = state.point.slice(); p[plane.w] += steps * step; goTo(p);
  };
  for (const plane of planes) {
    const { canvas } = plane;
    const place = (event) => {
      const box = canvas.getBoundingClientRect(), p = state.point.slice();
      const px = ((event.clientX - box.left) / box.width) * plane.size[0] - 0.5, py = ((event.clientY - box.top) / box.height) * plane.size[1] - 0.5;
      p[plane.u] = origin[plane.u] + px * step;
      p[plane.v] = origin[plane.v] + (plane.up ? plane.size[1] - 1 - py : py) * step;
      goTo(p);
    };
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); scroll(plane, event.deltaY > 0 ? -1 : 1); }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5 }[event.key];
      if (steps) { event.preventDefault(); scroll(plane, steps); }
      if (event.key === "+" || event.key === "-") {
        plane.scale = Math.max(1, Math.min(6, plane.scale + (event.key === "+" ? 1 : -1))); later();
      }
    });
    let from = null, moved = false;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.focus(); from = [event.clientY, event.pointerType]; moved = false;
      if (event.pointerType !== "touch") { canvas.setPointerCapture(event.pointerId); place(event); }
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      if (from[1] !== "touch") { place(event); return; }
      const steps = Math.trunc((from[0] - event.clientY) / 6);
      if (steps) { moved = true; scroll(plane, steps); from[0] = event.clientY; }
    });
    canvas.addEventListener("pointerup", (event) => { if (from && from[1] === "touch" && !moved) place(event); from = null; });
    canvas.addEventListener("pointercancel", () => { from = null; });
  }

  // Controls
  const controls = holder.querySelector(".viewer-controls");
  const choice = (label, values, chosen, change) => {
    const select = element("select", {}, ...values.map((v) => element("option", { value: v, textContent: v, selected: v === chosen })));
    select.addEventListener("change", () => { change(select.value); later(); });
    controls.append(element("label", {}, label + " ", select));
  };
  const slider = (label, id, max, by, value, change) => {
    const input = element("input", { type: "range", id, min: 0, max, step: by, value });
    input.addEventListener("input", () => { change(Number(input.value)); later(); });
    controls.append(element("label", {}, label + " ", input));
  };
  const box = (parent, label, color, on, change) => {
    const input = element("input", { type: "checkbox", checked: on });
    input.addEventListener("change", () => { change(input.checked); later(); });
    const name = element("span", { textContent: label });
    if (color) name.style.borderBottom = `3px solid ${color}`;
    parent.append(element("label", {}, input, " ", name));
  };
  if (ct) choice("Window", Object.keys(windows), state.window, (v) => { state.window = v; });
  choice("Over the anatomy", [...(dose ? ["dose"] : []), ...(counts ? ["counts"] : []), "none"], state.over, (v) => { state.over = v; });
  slider("Opacity", "viewer-opacity", 1, 0.05, state.opacity, (v) => { state.opacity = v; });
  if (dose) {
    slider("Dose from", "viewer-threshold", Math.max(50, data.fullScale / 2), 1, state.threshold, (v) => { state.threshold = v; });
    const group = element("fieldset", {}, element("legend", { textContent: "Isodoses, Gy" }));
    for (const level of data.isodoses) box(group, String(level), null, true, (on) => (on ? state.isodoses.add(level) : state.isodoses.delete(level)));
    const own = element("input", { type: "number", min: 1, placeholder: "own, Gy" });
    own.addEventListener("change", () => { const gy = Number(own.value); if (gy > 0) { state.isodoses.add(gy); box(group, String(gy), null, true, (on) => (on ? state.isodoses.add(gy) : state.isodoses.delete(gy))); own.value = ""; later(); } });
    group.append(own); controls.append(group);
  }
  const outlines = element("fieldset", {}, element("legend", { textContent: "Outlines" }));
  for (const s of data.structures) box(outlines, s.label, s.color, !s.aside, (on) => (on ? state.hidden.delete(s.label) : state.hidden.add(s.label)));
  const lesions = element("fieldset", {}, element("legend", { textContent: "Go to" }));
  for (const s of data.structures) {
    const button = element("button", { type: "button", textContent: s.label });
    button.addEventListener("click", () => goTo(s.at.slice()));
    if (s.lesion) lesions.append(button);
  }
  controls.append(outlines, ...(lesions.children.length > 1 ? [lesions] : []));
  for (const cell of document.querySelectorAll("table td:first-child")) { // a row of a lesion leads to it
    const found = data.structures.find((s) => s.label === cell.textContent);
    if (!found) continue;
    cell.classList.add("viewer-row"); cell.title = "Show in the slices";
    cell.addEventListener("click", () => { goTo(found.at.slice()); holder.scrollIntoView({ behavior: "smooth" }); });
  }

  // Histogram
  const svg = (tag, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const histogram = () => {
    const place = holder.querySelector(".viewer-dvh");
    place.replaceChildren();
    if (!data.curves.length) return;
    const W = 720, H = 320, L = 52, R = 12, T = 10, B = 40;
    const shown = data.curves.filter((c) => !state.hiddenCurves.has(c.label));
    const most = Math.max(1, ...shown.map((c) => c.gy[c.gy.length - 1]));
    const X = (gy) => L + (gy / most) * (W - L - R), Y = (f) => H - B - f * (H - T - B);
    const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "Dose-volume histogram" });
    const power = 10 ** Math.floor(Math.log10(most / 4)), by = [1, 2, 5, 10].map((m) => m * power).find((m) => most / m <= 8);
    for (let gy = 0; gy <= most; gy += by) {
      root.append(svg("line", { x1: X(gy), x2: X(gy), y1: T, y2: H - B, stroke: "#e3e7ec" }), svg("text", { x: X(gy), y: H - B + 16, "text-anchor": "middle", "font-size": 12 }, String(gy)));
    }
    for (let f = 0; f <= 1; f += 0.25) root.append(svg("line", { x1: L, x2: W - R, y1: Y(f), y2: Y(f), stroke: "#e3e7ec" }), svg("text", { x: L - 6, y: Y(f) + 4, "text-anchor": "end", "font-size": 12 }, `${f * 100}`));
    root.append(svg("text", { x: (L + W) / 2, y: H - 6, "text-anchor": "middle", "font-size": 13 }, "Absorbed dose, Gy"), svg("text", { x: 14, y: H / 2, "text-anchor": "middle", "font-size": 13, transform: `rotate(-90 14 ${H / 2})` }, "Volume, %"));
    const others = data.curves.filter((c) => !data.structures.some((s) => s.label === c.label)), dashes = ["6 3", "2 3", "11 3 2 3", "14 4"];
    const colorOf = (label) => (data.structures.find((s) => s.label === label) || { plot: "#444" }).plot;
    const dashOf = (c) => (others.includes(c) ? dashes[others.indexOf(c) % dashes.length] : "none");
    for (const c of shown) root.append(svg("polyline", { fill: "none", stroke: colorOf(c.label), "stroke-width": 2, "stroke-dasharray": dashOf(c), points: c.gy.map((gy, n) => `${X(gy).toFixed(1)},${Y(c.fraction[n]).toFixed(1)}`).join(" ") }));
    const cursor = svg("line", { y1: T, y2: H - B, stroke: "#000", "stroke-dasharray": "3 3", visibility: "hidden" });
    root.append(cursor);
    const text = element("p", { className: "viewer-values" }), list = element("div", { className: "viewer-curves" });
    for (const c of data.curves) box(list, c.label, colorOf(c.label), !state.hiddenCurves.has(c.label), (on) => { if (on) state.hiddenCurves.delete(c.label); else state.hiddenCurves.add(c.label); histogram(); });
    const at = (from, to, value) => { // linear between points; `from` rises or falls
      for (let n = 1; n < from.length; n++) {
        const [a, b] = [from[n - 1], from[n]];
        if ((a <= value && value <= b) || (a >= value && value >= b)) return a === b ? to[n] : to[n - 1] + ((value - a) / (b - a)) * (to[n] - to[n - 1]);
      }
      return 0;
    };
    root.addEventListener("pointermove", (event) => {
      const b = root.getBoundingClientRect(), gy = Math.max(0, Math.min(most, (((event.clientX - b.left) / b.width) * W - L) / (W - L - R) * most));
      const f = Math.max(0, Math.min(1, (H - B - ((event.clientY - b.top) / b.height) * H) / (H - T - B)));
      cursor.setAttribute("x1", X(gy)); cursor.setAttribute("x2", X(gy)); cursor.setAttribute("visibility", "visible");
      text.textContent = shown.map((c) => `${c.label}: V${gy.toFixed(0)} ${(at(c.gy, c.fraction, gy) * 100).toFixed(0)} %, D${(f * 100).toFixed(0)} ${at(c.fraction, c.gy, f).toFixed(0)} Gy`).join(" · ");
    });
    for (const c of shown) { // each named at the curve, every name at a height of its own
      const share = 0.9 - (0.8 * (shown.indexOf(c) + 0.5)) / shown.length;
      root.append(svg("text", { x: X(at(c.fraction, c.gy, share)) + 4, y: Y(share), "font-size": 12, fill: colorOf(c.label), stroke: "#fff", "stroke-width": 3, "paint-order": "stroke" }, c.label));
    }
    place.append(root, list, text);
  };
  histogram();
  holder.hidden = false;
  document.documentElement.classList.add("has-viewer");
  holder.viewer = { state, goTo, doseAt: (p) => dose && voxelAt(dose, p) };
  show();
})();
