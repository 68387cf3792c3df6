package dev.refrain.console.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "explain",
        description = "Says why a request is, or is not, answered from the cache. The request is not made.")
final class ExplainCommand extends AdminCommand {
    @Parameters(
            paramLabel = "FILE",
            arity = "0..1",
            defaultValue = "-",
            description = "File with the request's body. Default: standard input.")
    private String file;

    @Option(
            names = "--endpoint",
            paramLabel = "NAME",
            defaultValue = "chat",
            description = "chat, responses, messages or embeddings. Default: ${DEFAULT-VALUE}.")
    private String endpoint;

    @Option(
            names = {"-H", "--header"},
            paramLabel = "NAME:VALUE",
            description = "A header of the request, as often as needed. X-OpenRouter-Cache: true is sent unless given.")
    private List<String> headers = List.of();

    @Option(names = "--json", description = "Print the answer as JSON.")
    private boolean json;

    @Override
    int ask(AdminClient admin) throws IOException, InterruptedException {
        ObjectNode question = AdminClient.JSON.createObjectNode();
        question.put("endpoint", endpoint);
        ObjectNode sent = question.putObject("headers");
        sent.put("X-OpenRouter-Cache", "true");
        for (String header : headers) {
            int colon = header.indexOf(':');
            if (colon < 1) {
                throw new IllegalArgumentException("A header must be NAME:VALUE.");
            }
            String name = header.substring(0, colon).strip();
            if (name.equalsIgnoreCase("X-OpenRouter-Cache")) {
                sent.remove("X-OpenRouter-Cache");
            }
            sent.put(name, header.substring(colon + 1).strip());
        }
        question.put("body", new String(body(), StandardCharsets.UTF_8));
        JsonNode answer = admin.post("explain", question);
        if (json) {
            out().println(answer.toPrettyString());
        } else {
            print(answer);
        }
        return 0;
    }

    private byte[] body() throws IOException {
        if (file.equals("-")) {
            return console.bytes.readAllBytes();
        }
        try {
            return Files.readAllBytes(Path.of(file));
        } catch (NoSuchFileException e) {
            throw new IOException(file + " does not exist", e);
        }
    }

    private void print(JsonNode answer) {
        PrintWriter out = out();
        out.println(answer.path("why").asText());
        if (answer.path("policy").isTextual()) {
            out.println("policy    " + answer.path("policy").asText().replaceAll("\\p{C}", "?"));
        }
        if (answer.path("key").isTextual()) {
            out.println();
            out.println("key       " + answer.path("key").asText());
            answer.path("parts")
                    .properties()
                    .forEach(part -> out.printf(
                            "  %-10s %s%n", part.getKey(), part.getValue().asText()));
        }
        JsonNode entry = answer.path("entry");
        if (entry.isObject()) {
            out.println();
            out.printf(
                    "entry     %d s old, %d s left, %s (%s stored)%n",
                    entry.path("age_seconds").asLong(),
                    entry.path("ttl_seconds").asLong(),
                    Table.bytes(entry.path("bytes").asLong()),
                    Table.bytes(entry.path("stored_bytes").asLong()));
        }
        for (JsonNode near : answer.path("nearest")) {
            out.println();
            out.printf(
                    Locale.ROOT,
                    "nearest   %.1f %% the same, %s, key %s%n",
                    near.path("same").asDouble() * 100,
                    near.path("created_at").asText(),
                    near.path("key").asText());
            near.path("differs")
                    .forEach(path -> out.println("  " + path.asText().replaceAll("\\p{C}", "?")));
        }
        if (answer.path("rule").isTextual()) {
            out.println();
            out.println("With this in the settings file it would have been a hit:");
            out.println();
            out.print(answer.path("rule").asText());
        }
        if (answer.path("nearest_note").isTextual()) {
            out.println();
            out.println(answer.path("nearest_note").asText());
        }
    }
}
