/**
 * The configuration of the stream tier: one YAML file with defaults that work, overridden by the
 * environment, strict.
 */
package io.bianque.streams.config;
