/**
 * Documents into Elasticsearch or OpenSearch: every event once, into its probe's data stream.
 *
 * <p>{@link io.bianque.sinks.search.SearchSinkTask} runs on Connect's thread: it reads records,
 * fills batches and knows what may be committed. {@link io.bianque.sinks.search.BulkPipeline}'s
 * senders carry the batches to the server and try again for as long as it takes. {@link
 * io.bianque.sinks.search.Rollovers} keeps an id from being written a second time when the index
 * that holds the first is no longer the one that is written to.
 *
 * <p>Plain JSON over HTTP, only what both servers understand, and no client library: documents are
 * bytes already.
 */
package io.bianque.sinks.search;
