package dev.refrain.semantics.answer;

/** Which ids the answers of hits have (wire rules W25 and W40). */
public enum HitIds {
    /** Each hit's own. */
    FRESH,
    /** Those that the provider gave. */
    ORIGINAL
}
