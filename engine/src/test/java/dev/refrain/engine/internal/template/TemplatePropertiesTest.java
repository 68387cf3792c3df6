package dev.refrain.engine.internal.template;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.engine.exchange.Endpoint;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/**
 * Compares templates with a second implementation of wire rule W25, on Jackson's trees. The random documents are full
 * of the names in that rule.
 */
class TemplatePropertiesTest {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    @Property(tries = 1000)
    void aHitOfABodyIsTheBodyButForTheNamedFields(@ForAll("documents") String body, @ForAll Endpoint endpoint)
            throws JsonProcessingException {
        ObjectNode expected = (ObjectNode) JSON.readTree(body);
        // Other tests check rule W16. Here every body is made complete.
        String storable = body.substring(0, body.lastIndexOf('}')) + Sample.COMPLETE;
        expected.setAll((ObjectNode) JSON.readTree("{" + Sample.COMPLETE.substring(1)));
        ReplayOracle.ofBody(endpoint, expected);

        String hit = Sample.replay(Sample.captureWhole(endpoint, false, storable));

        assertThat(JSON.readTree(hit)).isEqualTo(expected);
    }

    @Property(tries = 1000)
    void aHitOfAnEventIsTheEventButForTheNamedFields(
            @ForAll("documents") String event, @ForAll("streaming") Endpoint endpoint, @ForAll Random lineBreaks)
            throws JsonProcessingException {
        ObjectNode expected = (ObjectNode) JSON.readTree(event);
        ReplayOracle.ofEvent(endpoint, expected);
        String terminal = Sample.ending(endpoint);
        // Line breaks in the document become separate data lines.
        String[] ends = {"\n", "\r\n", "\r"};
        StringBuilder stream = new StringBuilder();
        for (String line : event.split("[\r\n]", -1)) {
            stream.append("data:").append(lineBreaks.nextBoolean() ? " " : "\t").append(line);
            stream.append(ends[lineBreaks.nextInt(3)]);
        }
        // A line feed alone would not do: after a carriage return it would not be a blank line.
        stream.append("\n\n").append(terminal);

        String hit = Sample.replay(Sample.captureWhole(endpoint, true, stream.toString()));

        assertThat(hit).endsWith("\n\n" + terminal);
        String data = hit.substring(0, hit.length() - terminal.length()).replaceAll("(?<=^|[\r\n])data:", "");
        assertThat(JSON.readTree(data)).isEqualTo(expected);
    }

    @Property(tries = 300)
    void aDocumentWithoutFieldsOfW25IsKeptToTheByte(@ForAll("documents") String body) {
        String plain = body.replaceAll("id|i\\\\u0064", "ix")
                        .replaceAll("(c|.u0063)reated", "crated")
                        .replace("usage", "ussage")
                        .replace("completed_at", "at")
                + "\n";
        plain = plain.substring(0, plain.lastIndexOf('}')) + Sample.COMPLETE;

        Template template = Sample.captureWhole(Endpoint.CHAT, false, plain);

        assertThat(template.patchCount()).isZero();
        assertThat(Sample.replay(template)).isEqualTo(plain);
    }

    @Provide
    Arbitrary<Endpoint> streaming() {
        return Arbitraries.of(Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.MESSAGES);
    }

    @Provide
    Arbitrary<String> documents() {
        return Documents.arbitrary();
    }
}
