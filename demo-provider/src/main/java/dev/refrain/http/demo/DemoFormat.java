package dev.refrain.http.demo;

/** One vendor's format. Stateless. */
interface DemoFormat {
    /** The name of the request field with the prompt, which is required. */
    String input();

    /** The answer to a request, streamed if it asks for that and the format can. */
    DemoAnswer answer(DemoRequest request) throws DemoRequest.Refused;
}
