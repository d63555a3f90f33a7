/**
 * Hands what one application of the stream tier has done over to others, when its parts are to run
 * in other processes than before: offsets and state, so that nothing is lost or done twice.
 */
package io.bianque.streams.move;
