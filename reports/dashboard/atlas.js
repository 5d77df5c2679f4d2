// The atlas: all pictures as points on a canvas, and a part of them drawn around with a finger, a mouse or the keyboard.
// Its data stand in the element (lasso.py), colours and what is drawn around in the legend, which is drawn anew alone; a
// new part goes into the address, as if a link were clicked (links.js).
if (!window.auditorAtlas) {
  window.auditorAtlas = true;
  const SIDE = 1000, CORNERS = 60, REACH = 14;

  const read = (box) => {
    const bytes = Uint8Array.from(atob(box.dataset.points), (c) => c.charCodeAt(0));
    const n = bytes.length / 5;
    const steps = new DataView(bytes.buffer);
    const at = (from) => Float32Array.from({ length: n }, (_, i) => steps.getUint16(from + 2 * i, true) / 65535);
    return { n, x: at(0), y: at(2 * n), colour: bytes.subarray(4 * n) };
  };
  const legend = () => document.querySelector(".atlas .legend");
  const colours = () => [...legend().querySelectorAll("i[data-colour]")].reduce((all, swatch) => {
    const [r, g, b] = getComputedStyle(swatch).backgroundColor.match(/[\d.]+/g).map(Number);
    all[swatch.dataset.colour] = (255 << 24) | (b << 16) | (g << 8) | r;
    return all;
  }, {});

  const start = (box) => {
    const points = read(box), canvas = document.createElement("canvas"), brush = canvas.getContext("2d");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `${points.n.toLocaleString("en")} pictures as points; draw around some, or move a circle with the arrow keys and press Enter, to see them`);
    box.replaceChildren(canvas);
    let picture = null, path = [], cursor = null;

    const margin = () => 8 * devicePixelRatio;
    const out = (value, length) => margin() + value * (length - 2 * margin());
    const back = (pixel, length) => Math.round(SIDE * Math.min(1, Math.max(0, (pixel - margin()) / (length - 2 * margin()))));
    const draw = () => {
      const width = (canvas.width = Math.round(box.clientWidth * devicePixelRatio));
      const height = (canvas.height = Math.round(box.clientHeight * devicePixelRatio));
      if (!width || !height) return;
      picture = brush.createImageData(width, height);
      const pixels = new Uint32Array(picture.data.buffer), of = colours();
      const size = Math.max(1, Math.round((points.n > 30000 ? 2 : points.n > 2000 ? 3 : 5) * devicePixelRatio));
      const last = Math.max(...Object.keys(of));
      for (let layer = 0; layer <= last; layer++) { // 0 is what is grey, below all else
        for (let i = 0; i < points.n; i++) {
          if (points.colour[i] !== layer) continue;
          const x = Math.round(out(points.x[i], width) - size / 2), y = Math.round(out(points.y[i], height) - size / 2);
          for (let dy = 0; dy < size; dy++) pixels.fill(of[layer], (y + dy) * width + x, (y + dy) * width + x + size);
        }
      }
      show();
    };
    const outline = (corners) => {
      if (corners.length < 2) return;
      brush.beginPath();
      corners.forEach(([x, y]) => brush.lineTo(x, y));
      brush.closePath();
      brush.strokeStyle = getComputedStyle(box).color;
      brush.lineWidth = 2 * devicePixelRatio;
      brush.stroke();
    };
    const show = () => {
      if (!picture) return;
      brush.putImageData(picture, 0, 0);
      const area = legend()?.dataset.area ? legend().dataset.area.split(".").map(Number) : [];
      const corners = area.flatMap((v, i) => (i % 2 ? [] : [[out(v / SIDE, canvas.width), out(area[i + 1] / SIDE, canvas.height)]]));
      outline(path.length ? path : corners);
      if (cursor) outline(around(cursor));
    };
    const around = ([x, y]) => Array.from({ length: 12 }, (_, i) => {
      const turn = (i * Math.PI) / 6, reach = REACH * devicePixelRatio;
      return [x + reach * Math.cos(turn), y + reach * Math.sin(turn)];
    });
    const go = (corners) => {
      const every = Math.ceil(corners.length / CORNERS);
      const kept = corners.filter((_, i) => i % every === 0);
      const area = kept.map(([x, y]) => `${back(x, canvas.width)}.${back(y, canvas.height)}`).join(".");
      const url = new URLSearchParams(legend().dataset.url);
      url.set("area", area);
      url.set("among", "area");
      window.history.pushState({}, "", `?${url}`);
      window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
    };

    const where = (event) => {
      const frame = canvas.getBoundingClientRect();
      return [(event.clientX - frame.left) * devicePixelRatio, (event.clientY - frame.top) * devicePixelRatio];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      cursor = null;
      path = [where(event)];
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!path.length) return;
      path.push(where(event));
      show();
    });
    canvas.addEventListener("pointerup", () => {
      if (!path.length) return;
      const wide = (axis) => Math.max(...path.map((one) => one[axis])) - Math.min(...path.map((one) => one[axis]));
      go(Math.max(wide(0), wide(1)) < 6 * devicePixelRatio ? around(path[0]) : path);
      path = [];
    });
    canvas.addEventListener("pointercancel", () => { path = []; show(); });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!step && event.key !== "Enter") return;
      event.preventDefault();
      event.stopPropagation();
      cursor = cursor || [canvas.width / 2, canvas.height / 2];
      if (!step) return go(around(cursor));
      cursor = cursor.map((value, axis) => value + 12 * devicePixelRatio * step[axis]);
      show();
    });
    new ResizeObserver(draw).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    return { draw, show };
  };

  // Streamlit puts new elements in the place of old ones, in any order: whatever changed is drawn again.
  const find = () => {
    const box = document.querySelector(".atlas .plane[data-points]"), now = legend();
    if (!box || !now) return;
    if (box.firstElementChild?.tagName !== "CANVAS" || box.auditorPoints !== box.dataset.points) {
      box.auditorPoints = box.dataset.points;
      box.auditorPlane = start(box);
      box.auditorLegend = now;
    } else if (box.auditorLegend !== now) {
      box.auditorLegend = now;
      box.auditorPlane.draw();
    }
  };
  new MutationObserver(find).observe(document.body, { childList: true, subtree: true });
  find();
}
