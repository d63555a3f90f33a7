/**
 * What a task keeps in memory beside its stores, bounded. It knows neither what is kept nor where
 * it can be read again.
 */
package io.bianque.streams.cache;
