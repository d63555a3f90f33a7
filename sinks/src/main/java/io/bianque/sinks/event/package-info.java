/**
 * What the sinks share of the way from a Connect record to a document: reading it by its schema,
 * giving up on it, and counting what became of it. Knows nothing of where documents go.
 */
package io.bianque.sinks.event;
