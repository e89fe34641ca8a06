/** What arrived is not what was listed, or not for us. */
export class PayloadError extends Error {}
