/**
 * The per-host agent: the command, its arguments, and how its parts are put together.
 *
 * <p>{@code probe} hands encoded events to {@code publish}, which gets them to Kafka; {@code http}
 * and {@code record} look on. Nothing here knows a probe by name.
 */
package io.bianque.agent;
