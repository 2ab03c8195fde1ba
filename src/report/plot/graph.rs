//! What is made from what, from left to right.

use super::{About, Anchor, room, svg, text};
use std::collections::BTreeMap;

/// Something that is made from others.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: String,
    /// Below the name, smaller.
    pub words: String,
    pub class: &'static str,
    /// Names of others; those that are no nodes are left out.
    pub from: Vec<String>,
}

const HEIGHT: f64 = 36.0;
const GAP: f64 = 14.0;
const BETWEEN: f64 = 46.0;

/// How many steps each node is from what is made from nothing. What is in a circle is where the
/// search for it ended.
fn layers(nodes: &[Node]) -> Vec<usize> {
    let places: BTreeMap<&str, usize> =
        nodes.iter().enumerate().map(|(at, it)| (it.name.as_str(), at)).collect();
    let mut layers = vec![0; nodes.len()];
    for _ in 0..nodes.len() {
        for (at, node) in nodes.iter().enumerate() {
            let above = node.from.iter().filter_map(|it| places.get(it.as_str()));
            let layer = above.map(|it| layers[*it] + 1).max().unwrap_or_default();
            layers[at] = layer.min(nodes.len() - 1);
        }
    }
    layers
}

pub fn graph(about: &About<'_>, nodes: &[Node]) -> String {
    let layers = layers(nodes);
    let count = layers.iter().max().map_or(0, |it| it + 1);
    let in_layer = |layer: usize| (0..nodes.len()).filter(|at| layers[*at] == layer).collect();
    let columns: Vec<Vec<usize>> = (0..count).map(in_layer).collect();
    let tallest = columns.iter().map(Vec::len).max().unwrap_or_default().max(1) as f64;
    let height = tallest * (HEIGHT + GAP) - GAP + 4.0;

    let mut places = vec![(0.0, 0.0, 0.0); nodes.len()];
    let mut x = 2.0;
    for column in &columns {
        let wide = |at: &usize| room(&nodes[*at].name).max(room(&nodes[*at].words) * 0.92) + 18.0;
        let width = column.iter().map(wide).fold(70.0, f64::max);
        let free = height - (column.len() as f64 * (HEIGHT + GAP) - GAP);
        for (row, at) in column.iter().enumerate() {
            places[*at] = (x, free / 2.0 + row as f64 * (HEIGHT + GAP), width);
        }
        x += width + BETWEEN;
    }
    let mut out = String::new();
    for (at, node) in nodes.iter().enumerate() {
        for above in node.from.iter().filter_map(|it| nodes.iter().position(|n| n.name == *it)) {
            let (from_x, from_y, wide) = places[above];
            let (x, y, _) = places[at];
            let (from_x, from_y, y) = (from_x + wide, from_y + HEIGHT / 2.0, y + HEIGHT / 2.0);
            let bend = (x - from_x).abs() / 2.0;
            out += &format!(
                "<path class=\"edge\" d=\"M{from_x:.1} {from_y:.1}C{:.1} {from_y:.1} {:.1} {y:.1} \
                 {:.1} {y:.1}\"/><path class=\"edge-end\" d=\"M{x:.1} {y:.1}l-7 -4v8z\"/>",
                from_x + bend,
                x - bend,
                x - 6.0
            );
        }
    }
    for (node, (x, y, width)) in nodes.iter().zip(&places) {
        out += &format!(
            "<rect class=\"node {}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{HEIGHT}\" rx=\"6\"/>",
            node.class
        );
        let down = if node.words.is_empty() { 22.0 } else { 15.0 };
        out += &text((x + 9.0, y + down), "name", Anchor::Start, &node.name);
        out += &text((x + 9.0, y + 29.0), "note", Anchor::Start, &node.words);
    }
    svg(about, "wide as-is", ((x - BETWEEN + 2.0).max(70.0), height), &out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, from: &[&str]) -> Node {
        let from = from.iter().map(|it| (*it).to_owned()).collect();
        Node { name: name.to_owned(), words: String::new(), class: "dynamic", from }
    }

    #[test]
    fn what_is_made_from_others_is_right_of_all_of_them() {
        let nodes = [node("T", &[]), node("A", &["T"]), node("B", &["T", "A", "else"])];
        assert_eq!(layers(&nodes), [0, 1, 2]);
        let about = About { title: "t", desc: "d", stamp: None };
        let found = graph(&about, &nodes);
        assert_eq!(found.matches("class=\"edge\"").count(), 3, "{found}");
        assert_eq!(found.matches("class=\"node dynamic\"").count(), 3, "{found}");
    }

    #[test]
    fn a_circle_is_drawn_somehow() {
        let about = About { title: "t", desc: "d", stamp: None };
        let found = graph(&about, &[node("A", &["B"]), node("B", &["A"])]);
        assert_eq!(found.matches("class=\"edge\"").count(), 2, "{found}");
        assert!(graph(&about, &[]).starts_with("<svg"));
    }
}
