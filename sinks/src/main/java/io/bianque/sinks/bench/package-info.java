/**
 * How fast the search sink is beside the bare bulk API. A jar of its own, which the Connect plugin
 * does not have.
 */
package io.bianque.sinks.bench;
