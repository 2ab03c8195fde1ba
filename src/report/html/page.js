// Filters the list. Without it everything is listed.
(function () {
  "use strict";
  var tools = document.querySelector(".tools");
  if (!tools) return;
  document.documentElement.classList.add("js");
  var rows = Array.prototype.slice.call(document.querySelectorAll(".case"));
  var texts = rows.map(function (it) { return it.textContent.toLowerCase(); });
  var buttons = Array.prototype.slice.call(tools.querySelectorAll("button"));
  var search = tools.querySelector("input");
  var none = document.querySelector(".none");
  var kind = tools.getAttribute("data-first") || "";

  function show() {
    var wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var count = 0;
    rows.forEach(function (row, at) {
      var isKind = !kind || row.getAttribute("data-kinds").split(" ").indexOf(kind) >= 0;
      row.hidden = !(isKind && wanted.every(function (it) { return texts[at].indexOf(it) >= 0; }));
      if (!row.hidden) count += 1;
    });
    none.hidden = count > 0;
    buttons.forEach(function (it) {
      it.setAttribute("aria-pressed", String(it.getAttribute("data-kind") === kind));
    });
  }
  buttons.forEach(function (it) {
    it.addEventListener("click", function () { kind = it.getAttribute("data-kind"); show(); });
  });
  search.addEventListener("input", show);
  show();
})();
