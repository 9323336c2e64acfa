"use strict";
const box = document.querySelector("dialog.consent");
if (box && !document.cookie.includes("consent=")) box.show();
box?.querySelector("button")?.addEventListener("click", () => { document.cookie = "consent=1"; box.close(); });
