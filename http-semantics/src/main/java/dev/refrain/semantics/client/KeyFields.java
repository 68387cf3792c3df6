package dev.refrain.semantics.client;

import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.policy.Partition;
import java.util.List;
import java.util.function.BiConsumer;

/** A request's fields, with what the options say of its namespace and its samples where it says nothing. */
record KeyFields(RequestFields sent, RefrainOptions options) implements RequestFields {
    @Override
    public String first(String name) {
        String said = sent.first(name);
        if (said != null) {
            return said;
        }
        return switch (name) {
            case Partition.NAMESPACE -> options.namespace();
            // A request that has an answer picked from several does not use the sample of the options.
            case Partition.SAMPLE -> sent.first(Partition.SAMPLES) == null ? options.sample() : null;
            case Partition.SAMPLES -> options.samples();
            default -> null;
        };
    }

    @Override
    public List<String> all(String name) {
        return sent.all(name);
    }

    @Override
    public void forEach(BiConsumer<String, List<String>> action) {
        sent.forEach(action);
    }
}
