/**
 * The front-end for LangChain4j: {@link dev.refrain.langchain4j.RefrainLangChain4j}. It wraps the HTTP client that
 * models are built with, so one line serves every model that takes such a client. Thread-safe, except for builders. No
 * parameter and no result is null.
 */
package dev.refrain.langchain4j;
