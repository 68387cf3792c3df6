package dev.refrain.semantics.answer;

/** Which ids the answers of hits have (wire rules W25 and W40). */
public enum HitIds {
    /** A new id for each hit. */
    FRESH,
    /** The provider's id of the stored answer. */
    ORIGINAL
}
