/**
 * What each probe must have seen in a guest after its trigger: one class a probe, found by its
 * name, {@code net_rx_latency} → {@code NetRxLatencyExpectation}. It reads what the agent wrote and
 * asks nothing of the product.
 */
package io.bianque.tests.qemu.expect;
