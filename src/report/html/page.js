// Filters the list and copies tables. Without it everything can be read.
(function () {
  "use strict";
  document.documentElement.classList.add("js");

  function copy(text, done) {
    function old() {
      var area = document.createElement("textarea");
      area.value = text;
      document.body.appendChild(area);
      area.select();
      var copied = document.execCommand("copy");
      area.remove();
      done(copied);
    }
    // Pages from disk may have no clipboard.
    if (!navigator.clipboard) return old();
    navigator.clipboard.writeText(text).then(function () { done(true); }, old);
  }

  // Head and rows; breaks and tabs in cells become spaces.
  function tsv(table) {
    return Array.prototype.map.call(table.rows, function (row) {
      return Array.prototype.map.call(row.cells, function (cell) {
        var text = cell.getAttribute("data-copy");
        return (text === null ? cell.textContent : text).replace(/\s+/g, " ").trim();
      }).join("\t");
    }).join("\n") + "\n";
  }
  document.addEventListener("click", function (event) {
    var button = event.target;
    if (!button.classList || !button.classList.contains("copy")) return;
    copy(tsv(button.closest("table")), function (copied) {
      var words = button.textContent;
      button.textContent = copied ? "copied" : "cannot copy";
      setTimeout(function () { button.textContent = words; }, 1500);
    });
  });

  var tools = document.querySelector(".tools");
  if (!tools) return;
  var rows = Array.prototype.slice.call(document.querySelectorAll(".case"));
  var texts = null;
  var buttons = Array.prototype.slice.call(tools.querySelectorAll("button"));
  var search = tools.querySelector("input");
  var none = document.querySelector(".none");
  var others = document.querySelector(".others");
  var wasOpen = others && others.open;
  var kind = tools.getAttribute("data-first") || "";

  function show(isAsked) {
    var wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (wanted.length && !texts) texts = rows.map(function (it) { return it.textContent.toLowerCase(); });
    var count = 0, folded = 0;
    rows.forEach(function (row, at) {
      var isKind = !kind || row.getAttribute("data-kinds").split(" ").indexOf(kind) >= 0;
      var hidden = !(isKind && wanted.every(function (it) { return texts[at].indexOf(it) >= 0; }));
      if (row.hidden !== hidden) row.hidden = hidden;
      if (!hidden) count += 1;
      if (!hidden && others && row.parentNode === others) folded += 1;
    });
    none.hidden = count > 0;
    if (others) {
      others.hidden = folded === 0;
      others.open = wasOpen || isAsked;
    }
    buttons.forEach(function (it) {
      it.setAttribute("aria-pressed", String(it.getAttribute("data-kind") === kind));
    });
  }
  buttons.forEach(function (it) {
    it.addEventListener("click", function () { kind = it.getAttribute("data-kind"); show(true); });
  });
  var later = 0;
  search.addEventListener("input", function () {
    clearTimeout(later);
    later = setTimeout(function () { show(true); }, 120);
  });
  show(false);
})();
