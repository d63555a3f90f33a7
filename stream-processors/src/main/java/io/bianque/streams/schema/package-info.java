/**
 * Schemas for stream threads, which must not wait for a registry: what is known is given at once,
 * what is not is fetched by a thread of its own and announced as pending until it is there.
 */
package io.bianque.streams.schema;
