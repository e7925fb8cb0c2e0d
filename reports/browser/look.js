// What is wrong with the page as it is shown, each a sentence; run in the page. `values`: figure's id -> how many values.
((values) => {
  const wrong = [];
  const view = document.documentElement.clientWidth;
  const shown = (element) => {
    const style = getComputedStyle(element);
    return style.visibility === 'visible' && element.getClientRects().length > 0;
  };
  const name = (element) => {
    const words = element.textContent.trim().replace(/\s+/g, ' ').slice(0, 60);
    return `<${element.tagName.toLowerCase()}> "${words}"`;
  };
  // Hidden for the eye, there for a screen reader.
  const unseen = (element) => element.closest('thead, details caption') && getComputedStyle(element.closest('thead, details caption')).position === 'absolute';

  // Nothing sticks out of the page, nothing is cut off by its box.
  if (document.documentElement.scrollWidth > view) {
    wrong.push(`the page is ${document.documentElement.scrollWidth} wide in a view of ${view}`);
  }
  for (const element of document.body.querySelectorAll('*')) {
    if (!shown(element) || unseen(element) || element.closest('svg') || element.matches('.tip, .points input')) continue;
    const box = element.getBoundingClientRect();
    if (box.left < -0.5 || box.right > view + 0.5) wrong.push(`${name(element)} reaches from ${box.left} to ${box.right}`);
    if (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX !== 'visible') {
      wrong.push(`${name(element)} is cut off: ${element.scrollWidth} in ${element.clientWidth}`);
    }
  }

  // In a picture no text sticks out or lies over another.
  for (const picture of document.querySelectorAll('svg')) {
    if (!shown(picture)) continue;
    const frame = picture.getBoundingClientRect();
    const where = picture.closest('figure').id;
    if (!(frame.width > 100 && frame.height > 60)) wrong.push(`${where}: the picture is ${frame.width} by ${frame.height}`);
    const texts = [...picture.querySelectorAll('text')].map((text) => [text, text.getBoundingClientRect()]);
    texts.forEach(([text, box], i) => {
      if (box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom) {
        wrong.push(`${where}: ${name(text)} sticks out of its picture`);
      }
      for (const [other, its] of texts.slice(0, i)) {
        // A pixel's grace: a text's box is higher than its letters.
        if (box.left + 1 < its.right && its.left + 1 < box.right && box.top + 2 < its.bottom && its.top + 2 < box.bottom) {
          wrong.push(`${where}: ${name(text)} lies over ${name(other)}`);
        }
      }
    });
  }

  // Each chart has its data: a mark for each value, and what is behind it.
  for (const [figure, count] of Object.entries(values)) {
    const element = document.getElementById(figure);
    const picture = element && [...element.querySelectorAll('.picture')].find(shown);
    if (!picture) {
      wrong.push(`${figure}: no picture is shown`);
      continue;
    }
    const points = [...picture.querySelectorAll('.points input')];
    if (points.length !== count) wrong.push(`${figure}: ${points.length} points for ${count} values`);
    const shapes = [...picture.querySelectorAll('svg circle, svg rect, svg path')].map((shape) => shape.getBoundingClientRect());
    const frame = picture.getBoundingClientRect();
    for (const point of points) {
      const box = point.getBoundingClientRect();
      const x = (box.left + box.right) / 2;
      const y = (box.top + box.bottom) / 2;
      const marked = shapes.some((its) => its.width > 3 && its.height > 3 && its.height < 70 && its.left - 1.5 <= x && x <= its.right + 1.5 &&
                                          its.top - 1.5 <= y && y <= its.bottom + 1.5);
      if (!marked) wrong.push(`${figure}: no mark at "${point.ariaLabel}"`);
      if (!/\d/.test(point.ariaLabel)) wrong.push(`${figure}: a point says "${point.ariaLabel}"`);
      const tip = point.nextElementSibling.getBoundingClientRect();
      if (tip.left < frame.left - 0.5 || tip.right > frame.right + 0.5 || tip.top < frame.top - 0.5 || tip.bottom > frame.bottom + 0.5) {
        wrong.push(`${figure}: what is behind "${point.ariaLabel}" sticks out`);
      }
    }
  }

  // All text stands off from what is behind it, at least 4.5 to 1.
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const parse = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, alpha, under) => top.slice(0, 3).map((part, i) => part * alpha + under[i] * (1 - alpha));
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paperOf = (element) => {
    const above = [];
    for (let at = element; at; at = at.parentElement) above.push(parse(getComputedStyle(at).backgroundColor));
    return above.reverse().reduce((paper, colour) => over(colour, colour[3], paper), [255, 255, 255]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !shown(element) || unseen(element) || element.closest('title, desc')) continue;
    const style = getComputedStyle(element);
    let paper = paperOf(element.closest('svg') || element);
    let ink = parse(style.color);
    if (element.tagName === 'text') {
      ink = parse(style.fill);
      // What lies under the text's middle, in the picture's own units.
      const picture = element.closest('svg');
      const box = element.getBoundingClientRect();
      const middle = new DOMPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2).matrixTransform(picture.getScreenCTM().inverse());
      for (const shape of picture.querySelectorAll('rect, path')) {
        const before = shape.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
        const fill = getComputedStyle(shape);
        if (!before || fill.fill === 'none' || !shape.isPointInFill(middle)) continue;
        paper = over(parse(fill.fill), parse(fill.fill)[3] * fill.fillOpacity, paper);
      }
    }
    const [light, dark] = [luminance(over(ink, ink[3], paper)), luminance(paper)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) wrong.push(`${name(element)} has a contrast of ${ratio.toFixed(2)}`);
  }
  return wrong;
})
