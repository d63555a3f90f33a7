/** What the stream tier counts of itself since it started, and its form for Prometheus. */
package io.bianque.streams.metrics;
