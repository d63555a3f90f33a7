/**
 * What tests of the kernel side need: a pair of network namespaces, drops to order, and a flood.
 * Exported as this module's test-jar; needs root, {@code ip} and {@code nft}.
 */
package io.bianque.agent.testing;
