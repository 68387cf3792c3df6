package dev.refrain.console.explain;

/** Tells what would become of a request, without making it. */
@FunctionalInterface
public interface Explainer {
    /** What would become of the request now. Leaves no trace: neither a lookup nor a hit is counted. */
    Explanation explain(Question question);
}
