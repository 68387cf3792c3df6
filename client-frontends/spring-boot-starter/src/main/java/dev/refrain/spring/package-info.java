/**
 * The front-end for Spring Boot 4 and Spring AI 2: {@link dev.refrain.spring.RefrainAutoConfiguration} puts an OkHttp
 * interceptor into every client of OpenAI's and Anthropic's that Spring AI builds, and shows the cache to the actuator.
 * Requests run no code of this package. Unless a type says otherwise, no parameter and no result is null.
 */
package dev.refrain.spring;
