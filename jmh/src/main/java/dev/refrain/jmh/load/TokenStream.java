package dev.refrain.jmh.load;

import java.nio.charset.StandardCharsets;

/**
 * The streams that the provider sends: chat completions of so many tokens, each an event, and what a client must get of
 * them to the byte.
 *
 * @param number which of the answers
 * @param tokens how many events come before the two last ones
 */
record TokenStream(int number, int tokens) {
    /** Digits of an answer's time, always ten. */
    static final int TIME_DIGITS = 10;

    private static final String TIME = "1700000000";

    /** Events of the stream: the tokens, the usage, and the terminal one. */
    int events() {
        return tokens + 2;
    }

    String request() {
        return "{\"model\":\"load\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"tell me story "
                + number + "\"}],\"n\":" + number + "}";
    }

    /** An event as the provider sends it. */
    byte[] event(int index) {
        return event(index, "chatcmpl-load-" + number, TIME, tokens);
    }

    /** An event as it is repeated to another client. */
    byte[] repeated(int index, String id, String time) {
        return event(index, id, time, 0);
    }

    private byte[] event(int index, String id, String time, int used) {
        String event;
        if (index > tokens) {
            event = "data: [DONE]\n\n";
        } else {
            String start = start(id) + time + ",\"model\":\"load\",";
            event = index == tokens
                    ? start
                            + "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
                            + "\"usage\":{\"completion_tokens\":"
                            + used + "}}\n\n"
                    : start + "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token " + index + " of story "
                            + number + "\"},\"finish_reason\":null}]}\n\n";
        }
        return event.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String start(String id) {
        return "data: {\"id\":\"" + id + "\",\"object\":\"chat.completion.chunk\",\"created\":";
    }

    /** Where the time begins in an event with this id. */
    static int timeOffset(String id) {
        return start(id).length();
    }
}
