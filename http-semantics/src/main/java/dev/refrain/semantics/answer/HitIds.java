package dev.refrain.semantics.answer;

/** Which id the answer of a hit has (wire rules W25 and W40). */
public enum HitIds {
    /** A new id for each hit. */
    FRESH,
    /** The provider's id of the stored answer. */
    ORIGINAL
}
