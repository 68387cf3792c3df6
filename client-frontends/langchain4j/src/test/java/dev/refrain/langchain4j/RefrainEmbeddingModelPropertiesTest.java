package dev.refrain.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.output.Response;
import dev.refrain.engine.ResponseCache;
import java.io.IOException;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** Any sequence of batches gives the same vectors as a model that is asked for each text alone. */
class RefrainEmbeddingModelPropertiesTest {
    /** A text that makes the model refuse the whole call. */
    private static final String REFUSED = "refused";

    private static final class ChoosyModel extends TextModel {
        private RuntimeException thrown;

        ChoosyModel() {
            super("choosy");
        }

        @Override
        public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
            Response<List<Embedding>> response = super.embedAll(segments);
            if (segments.contains(TextSegment.from(REFUSED))) {
                thrown = new IllegalArgumentException("refused");
                throw thrown;
            }
            return response;
        }
    }

    @Provide
    Arbitrary<List<List<String>>> batches() {
        Arbitrary<String> texts = Arbitraries.frequencyOf(
                Tuple.of(8, Arbitraries.of("a", "b", "c", "d", "\"\\", "\u0000x\n", "\ud83d\ude00", "\udc00")),
                Tuple.of(
                        4,
                        Arbitraries.strings()
                                .ofMinLength(1)
                                .ofMaxLength(40)
                                .filter(s -> !s.trim().isEmpty() && !s.isBlank())),
                Tuple.of(1, Arbitraries.just(REFUSED)));
        return texts.list().ofMinSize(1).ofMaxSize(12).list().ofMaxSize(8);
    }

    @Property(tries = 300)
    void aBatchIsAnsweredLikeSingleTexts(@ForAll("batches") List<List<String>> batches) throws IOException {
        TextModel alone = new TextModel("choosy");
        ChoosyModel model = new ChoosyModel();
        Set<String> known = new HashSet<>();
        try (ResponseCache cache = ResponseCache.onHeap(4 << 20).open()) {
            EmbeddingModel cached = RefrainEmbeddingModel.of(model, cache);
            for (List<String> texts : batches) {
                Set<String> missing = new LinkedHashSet<>(texts);
                missing.removeAll(known);
                int calls = model.calls.size();
                List<TextSegment> segments =
                        texts.stream().map(TextSegment::from).toList();
                if (missing.contains(REFUSED)) {
                    assertThat(catchThrowable(() -> cached.embedAll(segments))).isSameAs(model.thrown);
                } else {
                    Response<List<Embedding>> response = cached.embedAll(segments);
                    assertThat(response.content().stream().map(TextModel::bits).toList())
                            .usingRecursiveComparison()
                            .isEqualTo(texts.stream()
                                    .map(alone::vector)
                                    .map(TextModel::bits)
                                    .toList());
                    assertThat(response.tokenUsage()).isEqualTo(TextModel.usage(List.copyOf(missing)));
                    known.addAll(missing);
                }
                assertThat(model.calls.subList(calls, model.calls.size()))
                        .isEqualTo(missing.isEmpty() ? List.of() : List.of(List.copyOf(missing)));
            }
        }
    }
}
