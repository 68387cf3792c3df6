package dev.refrain.engine.internal.archive;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import dev.refrain.engine.archive.ArchiveQuery;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Set;
import java.util.TreeSet;

/**
 * The description of an archive, in {@code archive.json}. Immutable.
 *
 * @param keys a digest of the secret under which the keys were derived, 16 hexadecimal digits that do not reveal it
 * @param asked the query that selected its answers
 * @param parts number of part files, a power of two
 * @param namespaces names of the namespaces whose answers it has
 * @param complete whether all parts were written
 * @param entries number of its answers; 0 until it is complete
 */
record Manifest(String keys, Asked asked, int parts, Set<String> namespaces, boolean complete, long entries) {
    static final int FORMAT = 1;
    static final int MOST_PARTS = 4096;
    /** Limit of a manifest, in bytes. The names of namespaces take most of a manifest. */
    static final int MOST_BYTES = 1 << 20;

    private static final JsonFactory JSON = new JsonFactory();

    /**
     * The query of an export.
     *
     * @param query its description, see {@link ArchiveQuery#describe}
     * @param typed the text that a user typed; empty if a program made the query
     * @param sinceMillis the time that the text stood for when the export began: only answers stored then or later
     *     are wanted
     * @param untilMillis likewise: only answers stored before this time are wanted
     * @param scopes tags of the scopes that the text stood for; empty for all
     */
    record Asked(String query, String typed, long sinceMillis, long untilMillis, Set<String> scopes) {
        static Asked of(ArchiveQuery query) {
            return new Asked(query.describe(), query.asked(), query.sinceMillis(), query.untilMillis(), query.scopes());
        }
    }

    byte[] write() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(out)) {
            json.setPrettyPrinter(new DefaultPrettyPrinter());
            json.writeStartObject();
            json.writeStringField("kind", "refrain archive");
            json.writeNumberField("format", FORMAT);
            json.writeStringField("keys", keys);
            json.writeStringField("query", asked.query());
            json.writeStringField("asked", asked.typed());
            json.writeNumberField("since", asked.sinceMillis());
            json.writeNumberField("until", asked.untilMillis());
            writeArray(json, "scopes", asked.scopes());
            json.writeNumberField("parts", parts);
            writeArray(json, "namespaces", namespaces);
            json.writeBooleanField("complete", complete);
            json.writeNumberField("entries", entries);
            json.writeEndObject();
        }
        return out.toByteArray();
    }

    private static void writeArray(JsonGenerator json, String name, Set<String> values) throws IOException {
        json.writeArrayFieldStart(name);
        for (String value : values) {
            json.writeString(value);
        }
        json.writeEndArray();
    }

    /**
     * Reads a manifest.
     *
     * @throws IOException if the bytes are not a manifest, or one of another version; the message says what is wrong,
     *     and leaves out the file's name
     */
    static Manifest read(byte[] bytes) throws IOException {
        String kind = "";
        String keys = "";
        String query = "";
        String typed = "";
        long since = 0;
        long until = Long.MAX_VALUE;
        Set<String> scopes = new TreeSet<>();
        int format = 0;
        int parts = 0;
        Set<String> namespaces = new TreeSet<>();
        boolean complete = false;
        long entries = 0;
        try (JsonParser json = JSON.createParser(bytes)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("is no archive of Refrain's");
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                JsonToken value = json.nextToken();
                switch (name) {
                    case "kind" -> kind = json.getText();
                    case "keys" -> keys = json.getText();
                    case "query" -> query = json.getText();
                    case "asked" -> typed = json.getText();
                    case "since" -> since = json.getValueAsLong();
                    case "until" -> until = json.getValueAsLong();
                    case "format" -> format = json.getValueAsInt();
                    case "parts" -> parts = json.getValueAsInt();
                    case "entries" -> entries = json.getValueAsLong();
                    case "complete" -> complete = json.getValueAsBoolean();
                    default -> {
                        if (value == JsonToken.START_ARRAY && (name.equals("namespaces") || name.equals("scopes"))) {
                            Set<String> values = name.equals("scopes") ? scopes : namespaces;
                            while (json.nextToken() == JsonToken.VALUE_STRING) {
                                values.add(json.getText());
                            }
                        } else {
                            json.skipChildren();
                        }
                    }
                }
            }
        }
        if (!kind.equals("refrain archive") || parts < 1 || parts > MOST_PARTS || Integer.bitCount(parts) != 1) {
            throw new IOException("is no archive of Refrain's");
        }
        if (format != FORMAT) {
            throw new IOException(
                    "has format " + format + " instead of " + FORMAT + "; use the version of Refrain that wrote it");
        }
        return new Manifest(keys, new Asked(query, typed, since, until, scopes), parts, namespaces, complete, entries);
    }
}
