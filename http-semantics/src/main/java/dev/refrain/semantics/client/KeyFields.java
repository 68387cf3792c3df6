package dev.refrain.semantics.client;

import dev.refrain.semantics.RequestFields;
import java.util.List;
import java.util.Locale;
import java.util.function.BiConsumer;

/** A request's fields, with what the options add to its key. */
record KeyFields(RequestFields sent, RefrainOptions options) implements RequestFields {
    static final String NAMESPACE = "x-refrain-namespace";
    static final String SAMPLE = "x-refrain-sample";

    @Override
    public String first(String name) {
        return sent.first(name);
    }

    @Override
    public List<String> all(String name) {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case NAMESPACE -> one(name, options.namespace());
            case SAMPLE -> one(name, options.sample());
            default -> sent.all(name);
        };
    }

    /** What the request says, if it makes sense, or else what the options say; null if neither does. */
    private List<String> one(String name, String otherwise) {
        String said = sent.first(name);
        String value = said == null ? null : said.strip();
        boolean isValid = value != null
                && (name.equals(SAMPLE) ? RefrainOptions.isSample(value) : RefrainOptions.isNamespace(value));
        String used = isValid ? value : otherwise;
        return used == null ? null : List.of(used);
    }

    @Override
    public void forEach(BiConsumer<String, List<String>> action) {
        sent.forEach(action);
    }
}
