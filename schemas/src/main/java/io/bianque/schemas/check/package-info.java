/**
 * Whether a raw schema says only what the agent can encode and enrichment can translate. Pure;
 * knows no files.
 */
package io.bianque.schemas.check;
