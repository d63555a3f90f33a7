/**
 * What this host is: its id, its boot, its clocks, its kernel with modules, symbols and enum names.
 *
 * <p>Reads /proc, /sys and /etc only, below a root that tests and containers can move. A fact that
 * cannot be had is absent together with the reason and what to grant. It knows nothing of probes
 * and of Kafka.
 */
package io.bianque.agent.host;
