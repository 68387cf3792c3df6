package dev.refrain.engine.internal.template;

import dev.refrain.engine.exchange.Endpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Generates complete answers of each endpoint as providers may send them, and answers that are broken in one place, so
 * that they are not complete (wire rule W16).
 */
final class WholeAnswers {
    /**
     * An answer, and how its message ends.
     *
     * @param how description of the change, for messages of failed tests
     * @param inGoodOrder whether the framing shows that all bytes arrived
     */
    record Answer(Endpoint endpoint, boolean streaming, String how, String text, boolean inGoodOrder) {}

    private static final String[] FINISHES = {
        "stop",
        "length",
        "tool_calls",
        "function_call",
        "eos",
        "MAX_TOKENS",
        "model_length",
        "content_filter",
        "end_turn"
    };
    private static final String[] TEXTS = {
        "",
        "Hi",
        "data: [DONE]",
        "\\\"error\\\":{\\\"code\\\":1}",
        "event: error\\n\\n",
        "你好 \\ud83d\\ude00",
        "{}",
        "null"
    };
    private static final String[] UNKNOWN = {
        "\"service_tier\":\"default\"",
        "\"x\":{\"error\":{\"code\":500},\"finish_reason\":null,\"status\":\"failed\"}",
        "\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{\"hate\":{\"filtered\":false}}}]",
        "\"metadata\":{\"error\":\"none\"}",
        "\"n\":[[],[null],{}]",
        "\"error\":null"
    };
    private static final String[] ERRORS = {"{\"code\":502,\"message\":\"no\"}", "\"no\"", "false", "0", "[]", "{}"};

    private final Random random;
    private final Endpoint endpoint;

    WholeAnswers(Random random, Endpoint endpoint) {
        this.random = random;
        this.endpoint = endpoint;
    }

    // ---- documents

    Answer document() {
        return document("whole", ending(false));
    }

    /** A document with one fault. */
    Answer brokenDocument() {
        return switch (random.nextInt(6)) {
            case 0 -> cut(document());
            case 1 -> new Answer(endpoint, false, "in a list", "[" + document().text() + "]", true);
            case 2 -> new Answer(endpoint, false, "and more", document().text() + pick("x", "{}", "}", ","), true);
            case 3 -> document("top-level error", ending(false) + ",\"error\":" + pick(ERRORS));
            case 4 ->
                new Answer(
                        endpoint,
                        false,
                        "something else",
                        pick(
                                "{}",
                                "{\"detail\":\"Not found\"}",
                                "{\"object\":\"error\",\"message\":\"no\"}",
                                "{\"base_resp\":{\"status_code\":1002}}",
                                "{\"error_code\":18}",
                                "{\"errors\":[{\"code\":1}]}",
                                ""),
                        true);
            default -> document("unfinished", ending(true));
        };
    }

    private static Answer cut(Answer whole) {
        String text = whole.text();
        int end = text.lastIndexOf('}');
        int cut = new Random(text.hashCode()).nextInt(end + 1);
        return new Answer(whole.endpoint(), false, "cut at " + cut, text.substring(0, cut), true);
    }

    private Answer document(String how, String ending) {
        List<String> members =
                new ArrayList<>(List.of("\"id\":\"a1\"", "\"created\":17", "\"usage\":{\"total_tokens\":3}"));
        members.add(random.nextInt(members.size() + 1), ending);
        members.add(random.nextInt(members.size() + 1), pick(UNKNOWN));
        return new Answer(
                endpoint,
                false,
                how,
                pick("", " \n") + "{" + String.join(pick(",", " ,\n "), members) + "}" + pick("", "\n"),
                true);
    }

    /** The members that make a document complete; if broken, with one fault. */
    private String ending(boolean broken) {
        return switch (endpoint) {
            case CHAT ->
                broken && random.nextInt(3) == 0
                        ? pick(
                                "\"choices\":null",
                                "\"choices\":[]",
                                "\"choice\":[{\"finish_reason\":\"stop\"}]",
                                "\"choices\":{}")
                        : "\"choices\":[" + choices(broken) + "]";
            case RESPONSES ->
                broken
                        ? pick(
                                "\"status\":\"failed\"",
                                "\"status\":\"in_progress\"",
                                "\"status\":\"queued\"",
                                "\"status\":\"cancelled\"",
                                "\"status\":null",
                                "\"output\":[{\"status\":\"completed\"}]")
                        : "\"status\":\"" + pick("completed", "incomplete") + "\"";
            case MESSAGES ->
                broken
                        ? pick(
                                "\"stop_reason\":null",
                                "\"content\":[{\"stop_reason\":\"end_turn\"}]",
                                "\"stop_reason\":\"end_turn\",\"type\":\"error\"",
                                "\"stop_reason\":7")
                        : "\"stop_reason\":\"" + pick("end_turn", "max_tokens", "tool_use", "refusal", "pause_turn")
                                + "\"";
            case EMBEDDINGS ->
                broken
                        ? pick("\"data\":[]", "\"data\":null", "\"datum\":[{}]", "\"data\":{\"embedding\":[1]}")
                        : "\"data\":[" + "{\"embedding\":\"AAAA\"},".repeat(random.nextInt(3))
                                + "{\"embedding\":[0.1,-2e-3]}]";
        };
    }

    private String choices(boolean broken) {
        int count = 1 + random.nextInt(4);
        int bad = broken ? random.nextInt(count) : -1;
        List<String> choices = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String message = "\"message\":{\"role\":\"assistant\",\"content\":\"" + pick(TEXTS) + "\""
                    + pick(
                            "",
                            ",\"tool_calls\":[{\"id\":\"c\",\"error\":{},\"function\":{\"name\":\"f\","
                                    + "\"arguments\":\"{}\"}}]",
                            ",\"function_call\":{\"name\":\"f\"}")
                    + "}";
            choices.add("{\"index\":" + i + "," + message + (i == bad ? badFinish() : goodFinish()) + "}");
        }
        return String.join(",", choices);
    }

    private String goodFinish() {
        return ",\"finish_reason\":\"" + pick(FINISHES) + "\"" + pick("", ",\"error\":null", ",\"logprobs\":null");
    }

    private String badFinish() {
        return pick(
                ",\"finish_reason\":null",
                "",
                ",\"finish_reason\":\"error\"",
                ",\"finish_reason\":\"stop\",\"error\":{\"code\":502}",
                ",\"finish_reason\":\"\"");
    }

    // ---- streams

    Answer stream() {
        boolean lacksDone = endpoint == Endpoint.CHAT && random.nextInt(3) == 0;
        List<String> events = events(null);
        if (lacksDone) {
            events.remove(events.size() - 1);
        }
        return stream(lacksDone ? "without [DONE]" : "whole", events, lacksDone || random.nextBoolean());
    }

    /** A stream with one fault. */
    Answer brokenStream() {
        List<String> events = events(null);
        int somewhere = random.nextInt(events.size() + 1);
        switch (random.nextInt(7)) {
            case 0 -> {
                events.add(somewhere, pick("event: error", "event: error\ndata: {}", "error: {\"code\":1}", "error"));
                return stream("error event at " + somewhere, events, true);
            }
            case 1 -> {
                events.add(somewhere, "data: {\"error\":" + pick(ERRORS) + "}");
                return stream("error in a chunk at " + somewhere, events, true);
            }
            case 2 -> {
                events.add(somewhere, "data: {\"a\":" + pick("", "NaN}", "1", "\"}"));
                return stream("broken JSON at " + somewhere, events, true);
            }
            case 3 -> {
                events.add(somewhere, failure());
                return stream("failure at " + somewhere, events, true);
            }
            case 4 -> {
                int kept = random.nextInt(events.size());
                return stream("cut after " + kept + " events", events.subList(0, kept), false);
            }
            case 5 -> {
                // For Responses the first event, because the last one contains the whole answer.
                String alone = endpoint == Endpoint.RESPONSES ? events.get(0) : events.get(events.size() - 1);
                return stream("one event alone", List.of(alone), true);
            }
            default -> {
                return stream("unfinished", events("unfinished"), true);
            }
        }
    }

    private String failure() {
        return switch (endpoint) {
            case CHAT ->
                "data: {\"choices\":[{\"index\":0,\"delta\":{}" + pick(",\"finish_reason\":\"error\"", ",\"error\":{}")
                        + "}]}";
            case RESPONSES ->
                "data: "
                        + pick(
                                "{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\"}}",
                                "{\"type\":\"error\",\"code\":\"x\"}",
                                "{\"type\":\"response.in_progress\",\"response\":{\"error\":{\"code\":1}}}",
                                "{\"type\":\"response.completed\",\"response\":{\"status\":\"failed\"}}",
                                "{\"type\":\"response.completed\"}");
            default -> "data: {\"type\":\"error\",\"error\":null}";
        };
    }

    private List<String> events(String broken) {
        return switch (endpoint) {
            case CHAT -> chatEvents(broken != null);
            case RESPONSES -> responsesEvents(broken != null);
            default -> messagesEvents(broken != null);
        };
    }

    private List<String> chatEvents(boolean broken) {
        int count = 1 + random.nextInt(3);
        int bad = broken ? random.nextInt(count) : -1;
        List<String> events = new ArrayList<>();
        if (random.nextBoolean()) {
            events.add("data: {\"id\":\"\",\"choices\":[]," + UNKNOWN[2] + "}");
        }
        for (int i = 0; i < count; i++) {
            events.add(chunk(
                    i, "{\"role\":\"assistant\"}", pick("", ",\"finish_reason\":null", ",\"finish_reason\":\"\"")));
            events.add(chunk(i, "{\"content\":\"" + pick(TEXTS) + "\"}", pick("", ",\"finish_reason\":null")));
        }
        for (int i = count - 1; i >= 0; i--) {
            if (i != bad) {
                events.add(chunk(i, "{}", goodFinish()));
            } else if (random.nextBoolean()) {
                events.add(chunk(i, "{}", badFinish()));
            }
        }
        if (random.nextBoolean()) {
            events.add("data: {\"id\":\"c\",\"choices\":" + pick("[]", "null")
                    + ",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}");
        }
        if (random.nextInt(4) == 0) {
            // Some providers send more chunks, without a finish reason, after the one with the finish reason.
            events.add(chunk(0, "{}", ",\"finish_reason\":null"));
        }
        events.add("data: [DONE]");
        return events;
    }

    private static String chunk(int index, String delta, String rest) {
        return "data: {\"id\":\"c\",\"created\":1,\"choices\":[{\"index\":" + index + ",\"delta\":" + delta + rest
                + "}]}";
    }

    private List<String> responsesEvents(boolean broken) {
        List<String> events = new ArrayList<>();
        events.add(typed("response.created", ",\"response\":{\"id\":\"r\",\"status\":\"in_progress\",\"error\":null}"));
        for (String type : new String[] {
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "refusal.delta",
            "function_call_arguments.done",
            "output_item.done",
            "a_new_kind"
        }) {
            events.add(typed(
                    "response." + type,
                    ",\"item\":{\"status\":\"failed\",\"type\":\"error\"},\"delta\":\"" + pick(TEXTS) + "\""));
        }
        String status = pick("completed", "incomplete");
        if (!broken) {
            events.add(typed(
                    "response." + status, ",\"response\":{\"id\":\"r\",\"status\":\"" + status + "\",\"error\":null}"));
        } else if (random.nextBoolean()) {
            events.add(typed(
                    "response." + status,
                    ",\"response\":{\"id\":\"r\"" + pick("", ",\"status\":null", ",\"status\":\"failed\"") + "}"));
        }
        return events;
    }

    private List<String> messagesEvents(boolean broken) {
        List<String> events = new ArrayList<>();
        events.add(typed(
                "message_start", ",\"message\":{\"id\":\"m\",\"stop_reason\":null,\"usage\":{\"input_tokens\":3}}"));
        events.add(typed(
                "content_block_start", ",\"content_block\":{\"type\":\"" + pick("text", "tool_use", "error") + "\"}"));
        events.add(typed("ping", ""));
        events.add(typed(
                "content_block_delta", ",\"delta\":{\"text\":\"" + pick(TEXTS) + "\",\"stop_reason\":\"end_turn\"}"));
        boolean stops = !broken || random.nextBoolean();
        if (!broken) {
            events.add(typed(
                    "message_delta",
                    ",\"delta\":{\"stop_reason\":\"" + pick("end_turn", "tool_use")
                            + "\"},\"usage\":{\"output_tokens\":2}"));
        } else if (random.nextBoolean()) {
            events.add(typed("message_delta", ",\"delta\":{\"stop_reason\":null}"));
        }
        if (stops) {
            events.add(typed("message_stop", ""));
        }
        return events;
    }

    private String typed(String type, String rest) {
        return pick("", "event: " + type + "\n") + "data: {\"type\":\"" + type + "\"" + rest + "}";
    }

    /** Writes events with one of the framings that WHATWG HTML 9.2.6 allows. */
    private Answer stream(String how, List<String> events, boolean inGoodOrder) {
        StringBuilder text = new StringBuilder(pick("", "", "\ufeff"));
        String end = pick("\n", "\r\n", "\r");
        boolean spaced = random.nextBoolean();
        for (String event : events) {
            text.append(pick("", "", ": keep-alive\n\n", ":\n", "\n", "id: 1\nretry: 3000\n\n"));
            String framed = spaced ? event : event.replace("data: ", "data:");
            // A document may be split into several data lines between its tokens.
            boolean cut = random.nextInt(4) == 0;
            text.append(cut ? framed.replaceFirst("(data: ?\\{)\"", "$1\ndata: \"") : framed)
                    .append("\n\n");
        }
        return new Answer(endpoint, true, how, text.toString().replace("\n", end), inGoodOrder);
    }

    private String pick(String... choices) {
        return choices[random.nextInt(choices.length)];
    }
}
