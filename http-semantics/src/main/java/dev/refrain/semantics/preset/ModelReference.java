package dev.refrain.semantics.preset;

/** A preset's name inside a model's name: {@code @preset/slug} or {@code provider/model@preset/slug} (W50). */
final class ModelReference {
    private static final String MARK = "@preset/";

    private ModelReference() {}

    /** The slug, or null if the model names no preset. */
    static String slug(String model) {
        int mark = model.indexOf(MARK);
        return mark < 0 ? null : model.substring(mark + MARK.length());
    }

    /** The model without the reference; empty if there is nothing else. */
    static String model(String model) {
        return model.substring(0, model.indexOf(MARK));
    }
}
