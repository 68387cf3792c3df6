package dev.refrain.http.demo;

/** One vendor's format. Stateless. */
interface DemoFormat {
    /** The field without which a request makes no sense. */
    String input();

    /** The answer to a request, streamed if it asks for that and the format can. */
    DemoAnswer answer(DemoRequest request) throws DemoRequest.Refused;
}
