// SPDX-License-Identifier: MIT
// Where the picture of usher is.
export default new URL('./icon.svg', import.meta.url).href;
