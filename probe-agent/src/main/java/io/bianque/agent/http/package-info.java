/**
 * The agent's own metrics and health, on a loopback port: {@code /metrics} in Prometheus' text
 * format, {@code /health} as JSON. Reads reports, changes nothing.
 */
package io.bianque.agent.http;
