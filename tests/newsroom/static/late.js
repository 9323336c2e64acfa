"use strict";
const show = (image) => { image.src = image.dataset.src; delete image.dataset.src; };
const watcher = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => { show(target); watcher.unobserve(target); }));
document.querySelectorAll("img[data-src]").forEach((image) => watcher.observe(image));
document.querySelectorAll("[data-bg]").forEach((box) => { box.style.backgroundImage = `url("${box.dataset.bg}")`; });
