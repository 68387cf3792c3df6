package dev.refrain.jmh.load;

import java.nio.charset.StandardCharsets;

/**
 * A stream that the provider sends: a chat completion with an event for each token. Also has the bytes that a client
 * must receive.
 *
 * @param number of the answer
 * @param tokens how many events precede the last two
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

    /** An event as a hit repeats it. */
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

    /** The offset of the time in an event with this id. */
    static int timeOffset(String id) {
        return start(id).length();
    }
}
