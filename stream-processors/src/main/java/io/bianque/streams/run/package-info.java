/**
 * The running stream tier: what it waits for before it can start, Kafka Streams with its settings,
 * and what it tells of itself over HTTP on the loopback interface.
 */
package io.bianque.streams.run;
