package dev.refrain.semantics.client;

import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.policy.Partition;
import java.util.List;
import java.util.function.BiConsumer;

/** A request's fields, with the options' namespace and samples where the request has none. */
record KeyFields(RequestFields sent, RefrainOptions options) implements RequestFields {
    @Override
    public String first(String name) {
        String said = sent.first(name);
        if (said != null) {
            return said;
        }
        return switch (name) {
            case Partition.NAMESPACE -> options.namespace();
            // A request that asks for one of several answers does not use the options' sample.
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
